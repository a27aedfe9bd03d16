// Which events of a subscription's system topic are delivered, and where to.

param name string
param topicName string

@allowed([
  'queue'
  'function'
])
param deliverTo string
param queueId string
param functionId string
param storageAccountId string
param actionGroupId string
param tags object

// Writes and deletions of clusters and registries, and of their tags. Everything else of a busy
// subscription stays out.
var filter = {
  includedEventTypes: [
    'Microsoft.Resources.ResourceWriteSuccess'
    'Microsoft.Resources.ResourceDeleteSuccess'
  ]
  isSubjectCaseSensitive: false
  enableAdvancedFilteringOnArrays: false
  advancedFilters: [
    {
      operatorType: 'StringIn'
      key: 'data.operationName'
      values: [
        'Microsoft.ContainerService/managedClusters/write'
        'Microsoft.ContainerService/managedClusters/delete'
        'Microsoft.ContainerRegistry/registries/write'
        'Microsoft.ContainerRegistry/registries/delete'
        'Microsoft.Resources/tags/write'
        'Microsoft.Resources/tags/delete'
      ]
    }
    {
      operatorType: 'StringContains'
      key: 'data.resourceUri'
      values: [
        '/providers/Microsoft.ContainerService/managedClusters/'
        '/providers/Microsoft.ContainerRegistry/registries/'
      ]
    }
  ]
}

// A day long, and then into the container, so that nothing is lost without a trace.
var retryPolicy = {
  maxDeliveryAttempts: 30
  eventTimeToLiveInMinutes: 1440
}

var deadLetter = {
  identity: {
    type: 'SystemAssigned'
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: storageAccountId
      blobContainerName: 'dead-events'
    }
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' existing = {
  name: topicName
}

resource events 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: topic
  name: name
  properties: deliverTo == 'queue' ? {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: filter
    retryPolicy: retryPolicy
    deadLetterWithResourceIdentity: deadLetter
    deliveryWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      destination: {
        endpointType: 'ServiceBusQueue'
        properties: {
          resourceId: queueId
        }
      }
    }
  } : {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: filter
    retryPolicy: retryPolicy
    deadLetterWithResourceIdentity: deadLetter
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: functionId
        // One each, so that one bad event never has its neighbours delivered again.
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
  }
}

module lost 'metric-alert.bicep' = {
  name: '${name}-alert-events'
  params: {
    name: '${name} events given up'
    tags: tags
    text: 'Event Grid could not deliver events for a day and put them into the container `dead-events`. The timer has found what they were about; infra/README.md, "When something is left lying", says what to do.'
    scope: topic.id
    metricNamespace: 'Microsoft.EventGrid/systemTopics'
    metricName: 'DeadLetteredCount'
    aggregation: 'Total'
    threshold: 0
    window: 'PT15M'
    dimension: 'EventSubscriptionName'
    values: [
      name
    ]
    actionGroupId: actionGroupId
  }
}
