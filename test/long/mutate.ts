import ts from 'typescript';

/** One small change to a source file that a test ought to notice. */
export interface Mutant {
  readonly id: number;
  /** Line of the original, from 1. */
  readonly line: number;
  /** The condition as it is written, on one line. */
  readonly original: string;
  /** What happens to it: `inverted`, `true`, `<=`, … */
  readonly change: string;
}

export interface Mutated {
  /** The source with all mutants in it, asleep; `switchSource` wakes one. */
  readonly code: string;
  readonly mutants: readonly Mutant[];
}

/** The global that instrumented sources call. */
export const SWITCH = '__mutants';

const PREDICATES = new Set(['filter', 'some', 'every', 'find', 'findIndex', 'findLast']);
const QUESTIONS = new Set(['has', 'includes', 'startsWith', 'endsWith', 'test']);
const { SyntaxKind } = ts;
const EQUALITY = new Set([SyntaxKind.EqualsEqualsEqualsToken, SyntaxKind.ExclamationEqualsEqualsToken]);
/** For each order, its neighbour and its opposite. */
const ORDER = new Map<ts.SyntaxKind, readonly [string, string]>([
  [SyntaxKind.LessThanToken, ['<=', '>=']],
  [SyntaxKind.LessThanEqualsToken, ['<', '>']],
  [SyntaxKind.GreaterThanToken, ['>=', '<=']],
  [SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
]);

/**
 * Puts every mutant of a file's conditions into it at once: the conditions of `if`, `while` and `? :`, the operands of `&&`
 * and `||`, comparisons, negations, predicates of array methods, questions like `has`, literal defaults of `??`, early
 * exits, and a rule's `ambient: true`.
 *
 * @param first id of the first mutant
 */
export function mutate(fileName: string, text: string, first: number): Mutated {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true);
  const mutants: Mutant[] = [];
  const { factory } = ts;

  /** `__mutants.method(id, ...values)`; the method knows what each of its ids does. */
  function call(node: ts.Node, method: string, changes: readonly string[], ...values: ts.Expression[]) {
    const id = first + mutants.length;
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    const original = node.getText(source).replaceAll(/\s+/g, ' ');
    for (const [index, change] of changes.entries()) mutants.push({ id: id + index, line: line + 1, original, change });
    const property = factory.createPropertyAccessExpression(factory.createIdentifier(SWITCH), method);
    return factory.createCallExpression(property, undefined, [factory.createNumericLiteral(id), ...values]);
  }

  const result = ts.transform(source, [
    (context) => (root) => {
      const inner = <T extends ts.Node>(node: T): T => ts.visitEachChild(node, visit, context);
      const whole = (condition: ts.Expression) =>
        call(condition, 'condition', ['inverted', 'true', 'false'], inside(condition));
      /** A condition that is mutated as a whole: inverting its top again would say the same twice. */
      const inside = (node: ts.Expression): ts.Expression =>
        invertible(node) ? inner(node) : (visit(node) as ts.Expression);

      function visit(node: ts.Node): ts.Node {
        if (ts.isIfStatement(node))
          return factory.updateIfStatement(
            node,
            whole(node.expression),
            ts.visitNode(node.thenStatement, visitThen, ts.isStatement),
            ts.visitNode(node.elseStatement, visit, ts.isStatement),
          );
        if (ts.isWhileStatement(node))
          return factory.updateWhileStatement(
            node,
            call(node.expression, 'never', ['false'], inside(node.expression)),
            ts.visitNode(node.statement, visit, ts.isStatement),
          );
        if (ts.isConditionalExpression(node))
          return factory.updateConditionalExpression(
            node,
            whole(node.condition),
            node.questionToken,
            ts.visitNode(node.whenTrue, visit, ts.isExpression),
            node.colonToken,
            ts.visitNode(node.whenFalse, visit, ts.isExpression),
          );
        if (isExit(node)) return factory.createIfStatement(call(node, 'exit', ['removed']), node);
        if (ts.isBinaryExpression(node)) return visitBinary(node);
        if (isNegation(node)) return call(node, 'invert', ['inverted'], inner(node));
        if (ts.isCallExpression(node)) return visitCall(node);
        if (ts.isPropertyAssignment(node) && node.getText(source) === 'ambient: true')
          // A getter, since a rule is made once, when no mutant is awake.
          return factory.createGetAccessorDeclaration(
            undefined,
            node.name,
            [],
            undefined,
            factory.createBlock([factory.createReturnStatement(call(node, 'invert', ['false'], node.initializer))]),
          );
        return inner(node);
      }

      /** An exit that is all that an `if` does needs no mutant beside that of its condition. */
      function visitThen(node: ts.Node): ts.Node {
        return isExit(node) ? node : visit(node);
      }

      function visitBinary(node: ts.BinaryExpression): ts.Node {
        const { kind } = node.operatorToken;
        if (kind === SyntaxKind.AmpersandAmpersandToken || kind === SyntaxKind.BarBarToken) {
          const [method, change] =
            kind === SyntaxKind.AmpersandAmpersandToken ? ['always', 'true'] : ['never', 'false'];
          const operand = (side: ts.Expression): ts.Expression =>
            ts.isBinaryExpression(side) && side.operatorToken.kind === kind
              ? factory.updateBinaryExpression(side, operand(side.left), side.operatorToken, operand(side.right))
              : call(
                  side,
                  method,
                  [`${change} in ${node.getText(source).replaceAll(/\s+/g, ' ')}`],
                  visit(side) as ts.Expression,
                );
          return factory.updateBinaryExpression(node, operand(node.left), node.operatorToken, operand(node.right));
        }
        if (EQUALITY.has(kind)) return call(node, 'invert', ['inverted'], inner(node));
        const order = ORDER.get(kind);
        if (order) {
          const { left, right } = inner(node);
          return call(
            node,
            'compare',
            order,
            left,
            factory.createStringLiteral(node.operatorToken.getText(source)),
            right,
          );
        }
        if (kind === SyntaxKind.QuestionQuestionToken && isLiteral(node.right))
          return call(
            node,
            'fallback',
            ['without the default'],
            ts.visitNode(node.left, visit, ts.isExpression),
            node.right,
          );
        return inner(node);
      }

      function visitCall(node: ts.CallExpression): ts.Node {
        if (!ts.isPropertyAccessExpression(node.expression)) return inner(node);
        const method = node.expression.name.text;
        const [predicate] = node.arguments;
        if (QUESTIONS.has(method)) return call(node, 'invert', ['inverted'], inner(node));
        if (!PREDICATES.has(method) || predicate === undefined) return inner(node);
        const visited = inner(node);
        const [argument, ...rest] = visited.arguments;
        const asks = asksItself(predicate);
        const changes = ['always true', 'always false', ...(asks ? [] : ['inverted'])];
        return factory.updateCallExpression(visited, visited.expression, visited.typeArguments, [
          call(predicate, asks ? 'constant' : 'predicate', changes, argument as ts.Expression),
          ...rest,
        ]);
      }

      return ts.visitNode(root, visit, ts.isSourceFile);
    },
  ]);
  const [mutated] = result.transformed;
  return { code: mutated ? ts.createPrinter().printFile(mutated) : text, mutants };
}

/** Whether an expression gets a mutant that inverts it, when it stands for itself. */
function invertible(node: ts.Node): boolean {
  if (ts.isBinaryExpression(node)) return EQUALITY.has(node.operatorToken.kind);
  if (isNegation(node)) return true;
  return (
    ts.isCallExpression(node) &&
    ts.isPropertyAccessExpression(node.expression) &&
    QUESTIONS.has(node.expression.name.text)
  );
}

function asksItself(predicate: ts.Expression): boolean {
  return ts.isArrowFunction(predicate) && invertible(predicate.body);
}

function isNegation(node: ts.Node): node is ts.PrefixUnaryExpression {
  return ts.isPrefixUnaryExpression(node) && node.operator === SyntaxKind.ExclamationToken;
}

function isExit(node: ts.Node): node is ts.Statement {
  return (
    (ts.isReturnStatement(node) && node.expression === undefined) ||
    ts.isContinueStatement(node) ||
    ts.isBreakStatement(node)
  );
}

function isLiteral(node: ts.Expression): boolean {
  return (
    (ts.isStringLiteral(node) && node.text !== '') ||
    ts.isNumericLiteral(node) ||
    node.kind === SyntaxKind.TrueKeyword ||
    node.kind === SyntaxKind.FalseKeyword
  );
}
