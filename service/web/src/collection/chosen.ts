// The collections, and the one that the reader has chosen.

import { computed, signal } from "@preact/signals";
import type { Collection, Collections } from "../api/bodies.ts";
import { getJson } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";

export const collections = signal<readonly Collection[] | null>(null);
export const collectionsProblem = signal<Problem | null>(null);

/** The chosen collection's name; empty until the server has said which there are. */
export const chosenCollection = signal("");

/** The chosen collection, where it was published. */
export const collection = computed(
  () => collections.value?.find(({ name }) => name === chosenCollection.value) ?? null,
);

/** Ask the server again which collections there are. The reader's choice stays while it exists. */
export async function loadCollections(): Promise<void> {
  try {
    const found = await getJson<Collections>("/v1/collections");
    collections.value = found.collections;
    collectionsProblem.value = null;
    if (collection.value === null) chosenCollection.value = found.default;
  } catch (error) {
    collectionsProblem.value = asProblem(error);
  }
}
