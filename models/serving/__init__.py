"""The model server: the engine behind the OpenAI dialect. Trusts the holder of its one service token."""
