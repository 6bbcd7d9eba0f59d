//go:build tools

// Pins the real istioctl and istiod, the tests' peers.
package tools

import (
	_ "istio.io/istio/istioctl/cmd/istioctl"
	_ "istio.io/istio/pilot/cmd/pilot-discovery"
)
