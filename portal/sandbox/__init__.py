"""The embedded SM API: a stand-in for api.sprintmode.ai in one process, for `make dev` and tests.

It imports nothing of the portal; the two meet only over HTTP.
"""
