/** The bridge that pods hang on, in the supervisor's network namespace. */
export const BRIDGE = 'ambr0';
/** The node's address: gateway of its pods, and where the API and DNS listen. */
export const NODE_ADDRESS = '10.244.0.1';
export const POD_PREFIX = '10.244.0';
export const SERVICE_CIDR = '10.96.0.0/16';
export const API_SERVICE_ADDRESS = '10.96.0.1';
export const DNS_SERVICE_ADDRESS = '10.96.0.10';
/** Port of the API on the node's address; pods use 10.96.0.1:443. */
export const API_PORT = 6443;
