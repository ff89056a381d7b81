"""The read path: who may see what, two rankings, one fusion."""
