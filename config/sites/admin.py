"""The registered sites in Django's admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from config.sites.models import Site

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Site]
else:
    # Generic only in the type stubs.
    ModelAdmin = admin.ModelAdmin


@admin.register(Site)
class SiteAdmin(ModelAdmin):
    """Adds, edits and removes sites. The host applies a change within two seconds."""

    list_display = ("subdomain", "name", "state", "pages", "last_updated")
    list_filter = ("state",)
    search_fields = ("subdomain", "name", "state")
    ordering = ("subdomain",)
    fields = list_display

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> tuple[str, ...]:
        # It is the primary key: with another one, Django would insert a second row.
        return ("subdomain",) if obj else ()

    def changeform_view(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse | HttpResponseRedirect:
        """Show errors of the database, whose table may have constraints that the model lacks."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError as error:
            reason = str(error).partition("\n")[0]
            self.message_user(request, f"The database refused it: {reason}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
