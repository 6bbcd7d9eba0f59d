/** An enrolled namespace with a Service `echo` on port 8080, and one echo server of it on each of the nodes. */
export function echoesOn(nodes: readonly string[], namespace: string): string {
  const pods = nodes.map(
    (node, at) => `
apiVersion: v1
kind: Pod
metadata: { name: echo-${at}, namespace: ${namespace}, labels: { app: echo } }
spec:
  nodeName: ${node}
  serviceAccountName: echo
  terminationGracePeriodSeconds: 0
  containers:
  - name: echo
    image: ambient/echo
    imagePullPolicy: IfNotPresent
    ports: [{ containerPort: 8080 }]
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
---
`,
  );
  return `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace}, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: echo, namespace: ${namespace} }
---
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: ${namespace} }
spec: { selector: { app: echo }, ports: [{ port: 8080 }] }
---
${pods.join('')}`;
}
