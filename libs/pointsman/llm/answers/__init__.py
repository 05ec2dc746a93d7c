"""Answers of models in one internal form: `events`, one reader for each provider dialect, one writer for each client's.

=====================  =================================================================================
`events`               what an answer consists of; a whole answer is the same events at once
`recorder`             what is known of an answer, from its events
`read_openai`          reader of chat completions
`read_anthropic`       reader of messages
`read_converse`        Bedrock's Converse as messages
`tool_calls`           which pieces of a stream belong to one tool call
`ordered`              blocks one after the other, whatever the order of their pieces
`collected`            blocks of a whole answer
`finish`               finish reasons, and how they agree with the content
`write_openai`         writer of chat completions
`write_anthropic`      writer of messages
`translator`           from a reader's events to a client's bytes
`without_thinking`     messages for a client that did not request thinking
=====================  =================================================================================
"""
