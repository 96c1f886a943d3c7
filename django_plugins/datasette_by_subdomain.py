"""Serves each registered subdomain with a separate Datasette.

djp runs this file outside `sys.modules`, so that an import would create a second copy.
The code and its state are therefore in `config.sites`.
"""

import djp


@djp.hookimpl
def asgi_wrapper():  # type: ignore[no-untyped-def]  # djp's hook, untyped itself
    # djp loads this file while the settings are being read. Models are available
    # only when the hook is called.
    from config.sites.wiring import build_router

    return build_router
