"""The LLM gateway: chat requests in OpenAI's and Anthropic's dialect, routed, served, measured and learned from."""
