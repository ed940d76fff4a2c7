"""The platform under the worker: configuration, bindings, work after the answer.

Imports nothing else of the portal.
"""
