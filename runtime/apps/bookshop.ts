import { callService, forwardedHeaders, UpstreamError } from './upstream';
import { podIdentity } from './pod-identity';
import type { Answer, Call, Handler } from './json-server';

interface Book {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  /** Euro cents. */
  readonly price: number;
}

const books: readonly Book[] = [
  { id: '1', title: 'The Open Sea', author: 'E. Harrow', price: 1490 },
  { id: '2', title: 'Small Machines', author: 'T. Okafor', price: 2250 },
  { id: '3', title: 'A Garden in Winter', author: 'L. Brandt', price: 990 },
];

interface Review {
  readonly id: string;
  readonly text: string;
  readonly stars: number;
}

const initialReviews: Readonly<Record<string, readonly Review[]>> = {
  '1': [
    { id: '1', text: 'Could not put it down.', stars: 5 },
    { id: '2', text: 'The second half drifts.', stars: 3 },
  ],
  '2': [{ id: '3', text: 'Precise and funny.', stars: 4 }],
  '3': [],
};

const missing = (call: Call): Answer => ({ status: 404, body: { error: `no ${call.method} ${call.path}` } });
const bookOf = (path: string): string => /^\/books\/([^/]+)/.exec(path)?.[1] ?? '';

/** The shop's pages: what a visitor sees, put together from catalog, reviews and cart. */
const storefront: Handler = async (call) => {
  const pass = forwardedHeaders(call.headers);
  try {
    if (call.method === 'GET' && call.path === '/') {
      const [list, cart] = await Promise.all([
        callService<Book[]>('catalog', 'GET', '/books', pass),
        callService<object>('cart', 'GET', '/carts/visitor', pass),
      ]);
      return { body: { books: list, cart } };
    }
    if (call.method === 'GET' && call.path.startsWith('/books/')) {
      const id = bookOf(call.path);
      const [book, reviews] = await Promise.all([
        callService<Book>('catalog', 'GET', `/books/${id}`, pass),
        callService<object>('reviews', 'GET', `/books/${id}/reviews`, pass),
      ]);
      return { body: { book, reviews } };
    }
    if (call.method === 'POST' && call.path === '/checkout') {
      return { body: await callService<object>('cart', 'POST', '/carts/visitor/checkout', pass) };
    }
  } catch (error) {
    if (error instanceof UpstreamError) return { status: 502, body: { error: error.message } };
    throw error;
  }
  return missing(call);
};

const catalog: Handler = (call) => {
  if (call.path === '/books' && call.method === 'GET') return { body: books };
  const book = books.find(({ id }) => id === bookOf(call.path));
  return book && call.method === 'GET' ? { body: book } : missing(call);
};

/** Version v1 answers texts alone, v2 stars as well. Deleting is real; the shop's policy is what forbids it. */
function reviews(version: string): Handler {
  const kept = new Map(Object.entries(initialReviews).map(([book, list]) => [book, [...list]]));
  return (call) => {
    const { pod } = podIdentity();
    if (call.method === 'GET' && /^\/books\/[^/]+\/reviews$/.test(call.path)) {
      const list = kept.get(bookOf(call.path));
      if (list === undefined) return missing(call);
      return { body: { version, pod, reviews: version === 'v1' ? list.map(({ id, text }) => ({ id, text })) : list } };
    }
    if (call.method === 'DELETE' && call.path.startsWith('/reviews/')) {
      const id = call.path.slice('/reviews/'.length);
      for (const [book, list] of kept) {
        kept.set(
          book,
          list.filter((review) => review.id !== id),
        );
      }
      return { body: { deleted: id } };
    }
    return missing(call);
  };
}

const cart: Handler = async (call) => {
  const contents = { items: [{ book: '1', count: 1 }], total: 1490 };
  if (call.method === 'GET' && call.path.startsWith('/carts/')) return { body: contents };
  if (call.method !== 'POST' || !call.path.endsWith('/checkout')) return missing(call);
  try {
    const receipt = await callService<object>(
      'payments',
      'POST',
      `/charges?amount=${contents.total}`,
      forwardedHeaders(call.headers),
    );
    return { body: { ...contents, receipt } };
  } catch (error) {
    if (error instanceof UpstreamError) return { status: 502, body: { error: error.message } };
    throw error;
  }
};

function payments(): Handler {
  let charges = 0;
  return (call) => {
    if (call.path !== '/charges') return missing(call);
    if (call.method === 'POST') charges += 1;
    return { body: { charges, amount: Number(call.query.get('amount') ?? 0) } };
  };
}

const services: Readonly<Record<string, (version: string) => Handler>> = {
  storefront: () => storefront,
  catalog: () => catalog,
  reviews,
  cart: () => cart,
  payments,
};

export const SERVICES: readonly string[] = Object.keys(services);

/**
 * One of the shop's services by name; `version` matters to reviews alone.
 *
 * @returns undefined for an unknown name
 */
export function bookshopService(name: string, version: string): Handler | undefined {
  return Object.hasOwn(services, name) ? services[name]?.(version) : undefined;
}
