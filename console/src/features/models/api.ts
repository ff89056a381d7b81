import { queryOptions } from "@tanstack/react-query";
import { z } from "zod";
import { api, take } from "@/api/client";

/** What the model server says of a model besides its name; it may say more than this knows. */
const CARD = z.object({
  kind: z.string(),
  context_length: z.number(),
  licence: z.string(),
  weights_sha256: z.string(),
  dim: z.number().nullish(),
  loaded: z.boolean().default(true),
  family: z.string().default(""),
  form: z.string().default(""),
  bytes: z.number().default(0),
});

export type ServedModel = z.infer<typeof CARD> & { id: string };

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async ({ signal }): Promise<ServedModel[]> => {
    const { data } = await take(api.GET("/v1/models", { signal }));
    return data.map((one) => ({ id: one.id, ...CARD.parse(one.secretariat) }));
  },
  refetchInterval: 15_000,
});
