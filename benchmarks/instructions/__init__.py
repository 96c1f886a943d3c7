"""The instructions that telemetry adds to a request, counted by Valgrind's callgrind.

A count of instructions, unlike a time, is nearly the same on a busy machine and on a quiet
one, so that CI can check it. `make overhead` compares it with `figures.json`.
"""
