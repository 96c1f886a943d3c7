import logging
import time

from django.utils.decorators import sync_and_async_middleware

logger = logging.getLogger("corkboard.requests")


@sync_and_async_middleware
def log_requests(get_response):
    async def middleware(request):
        began = time.perf_counter()
        response = await get_response(request)
        logger.info(
            "request",
            extra={
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "duration_ms": round((time.perf_counter() - began) * 1000, 1),
            },
        )
        return response

    return middleware
