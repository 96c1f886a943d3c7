"""What happens to spans and log records between their end and their exporter."""
