"""The command line: options in, one call, sentences out."""
