"""For all tests: which chat model stands for "default", whatever comes with the code."""

import os

os.environ.setdefault("SECRETARIAT_CHAT_MODEL", "smollm2-135m-instruct")
