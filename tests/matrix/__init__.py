"""The fault matrix: every fault of the list against every verb at every provider, over HTTP, with the real workers."""
