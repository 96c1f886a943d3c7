"""Serves each registered subdomain with a Datasette of its own.

djp runs this file outside `sys.modules`, a second copy for whoever imports it:
the code and its state live in `config.sites`.
"""

import djp


@djp.hookimpl
def asgi_wrapper():  # type: ignore[no-untyped-def]  # djp's hook, untyped itself
    # djp loads this file while the settings are being read; models only exist
    # by the time the hook is called.
    from config.sites.wiring import build_router

    return build_router
