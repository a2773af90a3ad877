//go:build tools

// Package tools only says what is compiled: a program cannot be imported, but required all the same.
package tools

import _ "helm.sh/helm/v4/cmd/helm"
