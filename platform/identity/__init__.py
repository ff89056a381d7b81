"""People and programs: how they prove who they are, and what administrators set about them."""
