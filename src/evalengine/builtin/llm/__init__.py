"""Language models as agents: any server that speaks OpenAI's chat completions."""
