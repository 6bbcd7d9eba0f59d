import { typed, type FieldDocs } from './field-docs';
import { istioStatus, policyTarget, workloadSelector } from './shared-types';

export const requestAuthentication: FieldDocs = {
  '': 'Says which JSON Web Tokens are valid. It refuses invalid tokens and lets requests without one pass: requiring one takes an AuthorizationPolicy with `requestPrincipals`. Only waypoints and gateways apply it; ztunnel never sees a token.',
  spec: 'The tokens that are valid, and where.',
  'spec.jwtRules': 'Issuers whose tokens are accepted. A token of another issuer is refused with 401.',
  'spec.jwtRules.audiences': 'Audiences (`aud`) of which a token must have one; any without it.',
  'spec.jwtRules.forwardOriginalToken':
    'Leaves the token in the request that is sent on. Without it the token is removed.',
  'spec.jwtRules.fromCookies': 'Cookies that may hold the token.',
  'spec.jwtRules.fromHeaders':
    'Headers that may hold the token; by default `Authorization` after `Bearer `, and the query parameter `access_token`.',
  'spec.jwtRules.fromHeaders.name': 'Name of the header.',
  'spec.jwtRules.fromHeaders.prefix': 'What stands before the token, the space included, such as `Bearer `.',
  'spec.jwtRules.fromParams': 'Query parameters that may hold the token.',
  'spec.jwtRules.issuer': 'The issuer (`iss`) exactly as tokens have it.',
  'spec.jwtRules.jwks': 'The issuer’s public keys, written out.',
  'spec.jwtRules.jwksUri':
    'Where the issuer’s public keys are fetched, by istiod. Without it and `jwks`, the issuer’s OpenID discovery document is asked.',
  'spec.jwtRules.jwks_uri': 'Older spelling of `jwksUri`.',
  'spec.jwtRules.outputClaimToHeaders': 'Claims that are copied into headers of the request.',
  'spec.jwtRules.outputClaimToHeaders.claim':
    'Name of the claim, nested ones after dots. Only text, numbers and truth values.',
  'spec.jwtRules.outputClaimToHeaders.header': 'Name of the header.',
  'spec.jwtRules.outputPayloadToHeader': 'Header that gets the token’s whole payload, in base64url.',
  'spec.jwtRules.spaceDelimitedClaims':
    'Claims that are lists of words separated by spaces, so that each word can be matched.',
  'spec.jwtRules.timeout': 'How long fetching the keys may take, 5s by default.',
  'spec.selector': typed(
    'Pods with a sidecar or gateways. In ambient nobody applies it: use `targetRefs` with the waypoint or Service.',
    workloadSelector,
  ),
  'spec.targetRef': typed('One target; `targetRefs` is the newer form.', policyTarget),
  'spec.targetRefs': typed('The waypoint, gateway or Service whose waypoint checks tokens.', policyTarget),
  status: typed('Written by istiod.', istioStatus),
};
