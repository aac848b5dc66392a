"""A small telephone network with a page in the browser, to try SMS with no account."""
