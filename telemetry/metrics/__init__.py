"""Metrics: the meter provider, and what is observed when metrics are collected."""
