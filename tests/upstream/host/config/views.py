import logging

import redis
from django.conf import settings
from django.http import HttpResponse

logger = logging.getLogger("corkboard.views")


async def home(request):
    logger.info("home page", extra={"pages": 1})
    return HttpResponse("home")


def visits(request):
    count = redis.Redis.from_url(settings.REDIS_URL).incr("visits")
    return HttpResponse(f"{count} visits")
