import type { AuthorizationPolicy } from '../../api/resources';
import type { Path } from '../path';

/** A written principal and where it stands. */
export interface PrincipalPlace {
  readonly path: Path;
  readonly principal: string;
  readonly negated: boolean;
}

/** All principals of a policy: of sources, and of `when` conditions on `source.principal`. */
export function principalPlaces(policy: AuthorizationPolicy): PrincipalPlace[] {
  return (policy.spec?.rules ?? []).flatMap((rule, i) => {
    const at: Path = ['spec', 'rules', i];
    const places = (values: readonly string[] | undefined, path: Path, negated: boolean): PrincipalPlace[] =>
      (values ?? []).map((principal, index) => ({ path: [...path, index], principal, negated }));
    return [
      ...(rule.from ?? []).flatMap(({ source }, j) => [
        ...places(source?.principals, [...at, 'from', j, 'source', 'principals'], false),
        ...places(source?.notPrincipals, [...at, 'from', j, 'source', 'notPrincipals'], true),
      ]),
      ...(rule.when ?? []).flatMap(({ key, values, notValues }, j) =>
        key === 'source.principal'
          ? [
              ...places(values, [...at, 'when', j, 'values'], false),
              ...places(notValues, [...at, 'when', j, 'notValues'], true),
            ]
          : [],
      ),
    ];
  });
}
