// Lists follow what arrives, unless somebody is reading: a fold open, text selected, an older page.
const EVERY = 1000;

function beingRead(list) {
  return (
    document.hidden ||
    String(getSelection()) ||
    list.querySelector("details[open]") ||
    location.search.includes("before=")
  );
}

async function follow() {
  const list = document.querySelector("[data-live]");
  if (list && !beingRead(list)) {
    try {
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-live]");
      if (fresh && fresh.innerHTML !== list.innerHTML) list.replaceChildren(...fresh.childNodes);
    } catch {
      // The viewer is gone; it is asked again.
    }
  }
  setTimeout(follow, EVERY);
}

setTimeout(follow, EVERY);
