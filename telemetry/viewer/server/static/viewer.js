// Pages follow what arrives. A page that is not visible asks for nothing, and one for which nothing
// has arrived is answered 304 without a query.
const EVERY = 1000;
const live = document.getElementById("live");
const list = document.querySelector("[data-live]");
let tag = null;
let last = list && list.innerHTML;
let timer = null;

function say(text, on) {
  if (live && live.textContent !== text) live.textContent = text;
  if (live) live.classList.toggle("on", on);
}

function whyPaused() {
  if (location.search.includes("before=")) return "an older page";
  const chosen = getSelection();
  if (chosen && !chosen.isCollapsed && list.contains(chosen.anchorNode)) return "text is selected";
  return "";
}

function folds(root) {
  return root.querySelectorAll("details[data-key]");
}

// What is open, what has the focus and where the page is scrolled to stay as they are.
function replaceBy(fresh) {
  const open = new Map([...folds(list)].map((each) => [each.dataset.key, each.open]));
  for (const each of folds(fresh)) {
    if (open.has(each.dataset.key)) each.open = open.get(each.dataset.key);
  }
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const address = focused && focused.getAttribute("href");
  const key = focused && focused.closest("details[data-key]")?.dataset.key;
  list.replaceChildren(...fresh.childNodes);
  if (address) {
    [...list.querySelectorAll("a")]
      .find((each) => each.getAttribute("href") === address)
      ?.focus({ preventScroll: true });
  } else if (key) {
    [...folds(list)]
      .find((each) => each.dataset.key === key)
      ?.querySelector("summary")
      .focus({ preventScroll: true });
  }
}

async function follow() {
  timer = null;
  const paused = whyPaused();
  if (paused) {
    say(`Not updated: ${paused}`, false);
  } else {
    try {
      const headers = { Accept: "text/html" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(location.href, { headers, cache: "no-store" });
      if (answer.status !== 304) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-live]");
        if (fresh && !whyPaused()) {
          tag = answer.headers.get("ETag");
          if (fresh.innerHTML !== last) {
            last = fresh.innerHTML;
            replaceBy(fresh);
          }
        }
      }
      say("Updated as data arrives", true);
    } catch {
      say("The viewer does not answer", false);
    }
  }
  start();
}

function start() {
  if (timer === null && !document.hidden) timer = setTimeout(follow, EVERY);
}

if (list) {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      timer = null;
    } else {
      start();
    }
  });
  start();
}

document.addEventListener("keydown", (event) => {
  const within = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key === "/" && !within && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.querySelector(".search input").focus();
  }
});
