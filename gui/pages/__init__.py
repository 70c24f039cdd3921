"""The pages below the program: output, the run in words, sizes of gradients."""
