"""Chat endpoints: requests in OpenAI's and Anthropic's dialect are routed, served, graded and learned from.

The path of a request, in order:

==========================  ==========================================================================================
`flow`                      ``POST /v1/chat/completions`` and ``/v1/messages``: calls the steps below
`request.reader`            decodes the body
`request.conversations`     finds the arm that served the previous turn
`request.features`          computes the context for the policy
`request.routing`           finds the tier or the arm that the request names
`decision`                  requests a decision from the decision service, or uses the fallback arm
`attempts`                  calls the chosen arm, then the others until one answers (`pointsman.llm.providers`)
`call`                      the state of the call from the decision to its end
`answer.client_stream`      sends a stream to the client; `answer.headers` and `answer.disconnect` belong to it
`outcome.grading`           grades the answer and computes its cost
`outcome.outcome`           builds the outcome that is learned from
`outcome.delivery`          appends it to the log in the background
==========================  ==========================================================================================

`endpoints` declares the endpoints for the router and OpenAPI, `token_count` counts tokens without an answer. `errors`
writes every error in the client's dialect, `gen_ai` records the metrics and spans of OpenTelemetry's conventions, and
`service` builds all of it.
"""
