module headless-conformance.invalid/pause

go 1.26.0
