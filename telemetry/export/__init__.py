"""Exporters, one file a destination. Vendors are imported only inside their own file."""
