// What can be set about glance, under upstream's names where it has them. Limits of a project count from rows.
import { auditOptions } from '#core/audit'
import { defineOptions, option, type Settings } from '#core/config'

export const glanceOptions = defineOptions('glance', {
  image_size_cap: option.integer({ default: 1_099_511_627_776, unit: 'bytes', minimum: 1, help: 'The largest image that is taken.' }),
  image_member_quota: option.integer({ default: 128, minimum: -1, help: 'How many members an image may have; -1 is no limit.' }),
  image_property_quota: option.integer({ default: 128, minimum: -1, help: 'How many properties an image may have; -1 is no limit.' }),
  image_tag_quota: option.integer({ default: 128, minimum: -1, help: 'How many tags an image may have; -1 is no limit.' }),
  image_size_total: option.integer({ default: -1, unit: 'MiB', minimum: -1, help: 'How much all images of a project may hold together; -1 is no limit.' }),
  image_count_total: option.integer({ default: -1, minimum: -1, help: 'How many images a project may have; -1 is no limit.' }),
  image_count_uploading: option.integer({ default: -1, minimum: -1, help: 'How many images of a project may be uploading at once; -1 is no limit.' }),
  limit_param_default: option.integer({ default: 25, minimum: 1, help: 'How many images a list has when the client names no limit.' }),
  api_limit_max: option.integer({ default: 1000, minimum: 1, help: 'The most images that a list has.' }),
  ...auditOptions,
})

export type Options = Settings<typeof glanceOptions>
