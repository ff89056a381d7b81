"""Several experts as one model: who answers a request, and how those that answer share memory."""
