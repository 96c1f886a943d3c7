"""The failing host's settings, with pages that repeat what they are told."""

from tests.end_to_end.failing.settings import *  # noqa: F403

ROOT_URLCONF = "tests.end_to_end.private.urls"
