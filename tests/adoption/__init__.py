"""The package as an index has it: built, checked, and installed by the README's commands."""
