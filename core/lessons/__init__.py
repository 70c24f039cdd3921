"""Lessons: what is in their files, and whether what they ask for has been done."""
