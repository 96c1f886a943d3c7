"""Exporters, one module per destination. Vendor packages are imported only in that module."""
