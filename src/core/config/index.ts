// Configuration: options declared with type, unit, default and help; values from one TOML file and the environment.
export { option, type Option } from './option.ts'
export { ConfigError, readConfig, type Config, type ReadOptions } from './read.ts'
export { sampleConfig } from './sample.ts'
export { defineOptions, type Options, type Section, type Settings } from './section.ts'
