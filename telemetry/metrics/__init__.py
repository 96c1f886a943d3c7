"""Metrics: the meter provider and the observable instruments."""
