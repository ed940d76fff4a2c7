"""Benchmarks: measured on demand by `make bench`, never asserted in the tests."""
