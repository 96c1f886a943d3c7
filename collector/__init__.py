"""The collector of one machine: its destinations, and how its program is had."""
