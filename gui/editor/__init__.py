"""The program as text."""
