// What can be wrong with a request to glance.
import { errorClass, Forbidden, NotFound } from '#core/errors'

export const ImageGone = errorClass('ImageGone', 410, 'glance.image_gone')
export const TooLarge = errorClass('TooLarge', 413, 'glance.too_large')
export const QuotaExceeded = errorClass('QuotaExceeded', 413, 'glance.quota_exceeded')
export const ContentRefused = errorClass('ContentRefused', 415, 'glance.content_refused')
export const RangeNotSatisfiable = errorClass('RangeNotSatisfiable', 416, 'glance.range')
export const UploadCutOff = errorClass('UploadCutOff', 400, 'glance.upload_cut_off')
export const StoreFull = errorClass('StoreFull', 413, 'glance.store_full')

export const notAuthorized = (rule: string) => new Forbidden(`You are not authorized to complete ${rule} action.`)

/** In the words of who looks for it (glance/db/__init__.py; glance/api/v2/images.py, image_members.py and image_tags.py). */
export const noImage = (id: string) => new NotFound(`No image found with ID ${id.slice(0, 80)}`)
export const noImageToDelete = (id: string) => new NotFound(`Failed to find image ${id.slice(0, 80)} to delete`)
export const imageNotFound = (id: string) => new NotFound(`Image ${id.slice(0, 80)} not found.`)
