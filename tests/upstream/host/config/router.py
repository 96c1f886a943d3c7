from datasette.app import Datasette
from django.conf import settings


class SubdomainRouter:
    """A new Datasette for every request of a site; Django for everything else."""

    def __init__(self, django):
        self.django = django

    async def __call__(self, scope, receive, send):
        host = dict(scope.get("headers", ())).get(b"host", b"").decode().partition(":")[0]
        site, _, root = host.partition(".localhost")
        if scope["type"] != "http" or not _ or root:
            await self.django(scope, receive, send)
            return
        database = settings.SITES_DIR / site / "meetings.db"
        if not database.is_file():
            await redirect_home(send)
            return
        datasette = Datasette(files=[str(database)])
        await datasette.invoke_startup()
        await datasette.app()(scope, receive, send)


async def redirect_home(send):
    headers = [(b"location", b"http://localhost/")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
