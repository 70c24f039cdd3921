"""One test for each fault that the app survives, named after its number in the tests' names."""
