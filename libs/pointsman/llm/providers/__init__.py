"""Calling the providers of models.

=====================  =================================================================================
`registry`             from an arm ``provider:model`` to its `Upstream`; one connection pool a provider
`upstream`             one model of one provider: encode, send, retry
`retry_policy`         which failures are retried (429, 5xx, lost connections), and after which delay
`failure`              `ProviderError`: a failure in the client's dialect
`faults`               whose fault a failure is, and the words by which refusals are recognised
`capabilities`         what models were seen to refuse, and how requests are changed for them
`health`               which providers and models are left alone for a while
`provider_call`        one HTTP exchange: sends a request and reads the beginning of the answer
`answer`               an answer on its way to the client: complete, or as a stream
`efforts`              how each kind expresses the effort of an arm
`kinds`                one file for each kind of provider, and the table of them
`dialects`             reading and writing what the OpenAI and Anthropic APIs have in common for all kinds
`settings`             a provider's configuration with its secrets
=====================  =================================================================================
"""
