"""What models cannot do, as their refusals have shown, and what is done about it (ADR 0045).

===============  ==================================================================================
`requirements`   the features that a request needs and that no change of it can replace
`adaptations`    the changes that make a request acceptable to a model without such a feature
`changes`        the changes of one request, from what is known and from its refusals
`refusals`       what was learned of one model, until it expires
===============  ==================================================================================
"""
