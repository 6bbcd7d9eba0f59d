//go:build tools

// Pins the real istioctl, the tests' peer.
package tools

import _ "istio.io/istio/istioctl/cmd/istioctl"
