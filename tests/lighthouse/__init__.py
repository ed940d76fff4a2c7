"""Lighthouse against `portal serve`: `make lighthouse`."""
