/** Flows over as many things as data says. */
import { describe, expect, test } from 'vitest';
import { TestMesh } from 'yardmaster/testing';
import { scoreSentiment, summarize } from '../../../examples/agents/typescript/text/analyse.ts';
import { callsOf, startExample } from './example.ts';

describe('content-fan-out.yaml', () => {
  test('writes what was planned at once, leaves out what could not be written, and publishes the rest two at a time', async () => {
    await using mesh = await TestMesh.start();
    mesh
      .agent('planner')
      .setResponse('plan-posts', ({ theme }) => ({ posts: [1, 2, 3, 4].map((n) => `${theme} ${n}`) }));
    const writer = mesh
      .agent('writer')
      .setDelay('write-post', '1m')
      .setResponse('write-post', ({ post, position }) => {
        if (position === 1) throw new Error('no idea');
        return { text: `About ${post}` };
      });
    const publisher = mesh
      .agent('publisher')
      .setDelay('publish-post', '1m')
      .setResponse('publish-post', ({ text }) => text);
    const run = await startExample(mesh, 'content-fan-out.yaml', { theme: 'trains' });
    await mesh.advance('30s');
    expect(writer.calls).toHaveLength(4);
    await mesh.advance('1m');
    expect(publisher.calls).toHaveLength(2);
    await mesh.advance('5m');
    expect(run.history().map(({ path, outcome }) => `${path} ${outcome}`)).toEqual([
      'plan COMPLETED',
      'write-all/0/write COMPLETED',
      'write-all/1/write FAILED',
      'write-all/2/write COMPLETED',
      'write-all/3/write COMPLETED',
      'publish-all/0/publish COMPLETED',
      'publish-all/1/publish COMPLETED',
      'publish-all/2/publish COMPLETED',
    ]);
    expect((await run.result()).output).toEqual(['About trains 1', 'About trains 3', 'About trains 4']);
  });
});

describe('content-pipeline.yaml', () => {
  const texts: Readonly<Record<string, string>> = {
    'https://a.example': 'A great day. Everything was fast.',
    'https://b.example': 'Thanks, excellent service!',
    'https://c.example': 'The worst trip, late and slow.',
  };

  function office(mesh: TestMesh) {
    const reader = mesh.agent('reader').setResponse('fetch-text', ({ url }) => ({ text: texts[url] }));
    reader.setResponse('sentiment', ({ text }) => ({ score: scoreSentiment(text) }));
    reader.setResponse('summarize', ({ text }) => ({ summary: summarize(text) }));
    const editor = mesh
      .agent('editor')
      .setResponse('publish', ({ place }) => place)
      .setResponse('flag', null);
    editor.setResponse('combine-content', ({ texts: read }: { texts: readonly Judged[] }) => ({
      score: read.reduce((sum, { sentiment }) => sum + sentiment.score, 0) / read.length,
      digest: read.map(({ summary }) => summary.summary),
    }));
    return editor;
  }

  interface Judged {
    readonly sentiment: { readonly score: number };
    readonly summary: { readonly summary: string };
  }

  test('publishes a digest in a good mood in three places at once', async () => {
    await using mesh = await TestMesh.start();
    const editor = office(mesh);
    const run = await startExample(mesh, 'content-pipeline.yaml', { urls: Object.keys(texts).slice(0, 2) });
    expect(new Set(run.history().map(({ path, outcome }) => `${path} ${outcome}`))).toEqual(
      new Set([
        ...[0, 1].flatMap((i) => ['fetch', 'sentiment', 'summary'].map((id) => `read-all/${i}/${id} COMPLETED`)),
        ...['combine', 'to-blog', 'to-mail', 'to-feed'].map((id) => `${id} COMPLETED`),
      ]),
    );
    expect(callsOf(editor).slice(1)).toEqual(
      ['blog', 'mail', 'feed'].map(
        (place) => `publish {"digest":["A great day.","Thanks, excellent service!"],"place":"${place}"}`,
      ),
    );
    expect((await run.result()).output).toEqual({ score: 1, published: true });
  });

  test('flags one that is not for a person', async () => {
    await using mesh = await TestMesh.start();
    const editor = office(mesh);
    const run = await startExample(mesh, 'content-pipeline.yaml', { urls: Object.keys(texts) });
    expect(run.history().at(-1)).toMatchObject({ path: 'flag-for-review', outcome: 'COMPLETED' });
    expect(editor.calls.some(({ action }) => action === 'publish')).toBe(false);
    expect((await run.result()).output).toMatchObject({ published: false });
  });
});
