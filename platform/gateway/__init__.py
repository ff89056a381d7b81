"""The public /v1 in OpenAI's dialect: authenticate, record, forward to the model server, record again."""
